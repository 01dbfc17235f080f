import { useRedis } from '../../support/redis.js';
import { heartbeatSuite } from '../suite/heartbeat.js';

heartbeatSuite(useRedis());
