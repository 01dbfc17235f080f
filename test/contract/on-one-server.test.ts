/** The contract suite on one server. */
import { oneServer } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(oneServer());
