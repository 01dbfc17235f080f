/** The contract suite on a master found through Sentinel. */
import { sentinel } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(sentinel());
