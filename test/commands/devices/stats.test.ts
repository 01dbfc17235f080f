import { useRedis } from '../../support/redis.js';
import { statsSuite } from '../suite/stats.js';

statsSuite(useRedis());
