import { createLeanTransport } from '../../src/upstream/lean/transport.js';
import { poolSuite } from './pool-suite.js';
import { transportSuite } from './transport-suite.js';

transportSuite('lean', createLeanTransport);
poolSuite('lean', createLeanTransport);
