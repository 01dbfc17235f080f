import { heartbeatSuite } from '../commands/suite/heartbeat.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

heartbeatSuite(useMockRedis());
