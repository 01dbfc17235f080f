import { useRedis } from '../../support/redis.js';
import { getSuite } from '../suite/get.js';

getSuite(useRedis());
