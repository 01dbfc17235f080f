import { listOnlineSuite } from '../commands/suite/list-online.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

listOnlineSuite(useMockRedis());
