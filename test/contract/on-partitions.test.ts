/** The contract suite on one server, with 16 partitions. */
import { partitionedServer } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(partitionedServer());
