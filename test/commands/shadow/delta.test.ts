import { useRedis } from '../../support/redis.js';
import { deltaSuite } from '../suite/delta.js';

deltaSuite(useRedis());
