import { createGrpcJsTransport } from '../../src/upstream/grpc-js/transport.js';
import { transportSuite } from './transport-suite.js';

transportSuite('grpc-js', createGrpcJsTransport, { losesCallsOnGoaway: true });
