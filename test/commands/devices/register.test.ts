import { useRedis } from '../../support/redis.js';
import { registerSuite } from '../suite/register.js';

registerSuite(useRedis());
