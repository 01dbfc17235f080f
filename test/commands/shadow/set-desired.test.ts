import { useRedis } from '../../support/redis.js';
import { setDesiredSuite } from '../suite/set-desired.js';

setDesiredSuite(useRedis());
