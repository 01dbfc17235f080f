import { useRedis } from '../../support/redis.js';
import { unregisterSuite } from '../suite/unregister.js';

unregisterSuite(useRedis());
