import { listSuite } from '../commands/suite/list.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

listSuite(useMockRedis());
