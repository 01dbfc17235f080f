/** The contract on one server, in partitions. */
import { partitionedServer } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(partitionedServer());
