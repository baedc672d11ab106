import { createHttp2Transport } from '../../src/upstream/http2.js';
import { transportSuite } from './transport-suite.js';

transportSuite('http2', createHttp2Transport);
