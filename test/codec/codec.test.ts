import { createCodecs } from '../../src/codec/codec.js';
import { codecSuite } from './codec-suite.js';

codecSuite('codec', createCodecs);
