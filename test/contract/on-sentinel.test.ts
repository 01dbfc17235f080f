/** The contract on a master that Sentinel names. */
import { sentinel } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(sentinel());
