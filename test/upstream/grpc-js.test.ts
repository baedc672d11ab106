import { createGrpcJsTransport } from '../../src/upstream/grpc-js.js';
import { transportSuite } from './transport-suite.js';

transportSuite('grpc-js', createGrpcJsTransport, { losesCallsOnGoaway: true, takesCutMessages: true });
