import { useRedis } from '../../support/redis.js';
import { staleSuite } from '../suite/stale.js';

staleSuite(useRedis());
