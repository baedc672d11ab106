/** What a worker process runs first: it keeps memory small while the modules of the worker are loaded. */
import { keepYoungGenerationSmall } from './young-generation.js';

keepYoungGenerationSmall();
await import('./worker.js');
