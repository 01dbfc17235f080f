/** The contract suite on a cluster of three masters and three replicas. */
import { cluster } from '../support/backends.js';
import { contract } from './suite/contract.js';

contract(cluster());
