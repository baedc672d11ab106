/** A worker process runs this module first. It keeps memory small while the modules of the worker are loaded. */
import { keepYoungGenerationSmall } from './young-generation.js';

keepYoungGenerationSmall();
void import('./worker.js');
