import { useRedis } from '../../support/redis.js';
import { disconnectSuite } from '../suite/disconnect.js';

disconnectSuite(useRedis());
