import { useRedis } from '../../support/redis.js';
import { listSuite } from '../suite/list.js';

listSuite(useRedis());
