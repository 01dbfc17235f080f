import { disconnectSuite } from '../commands/suite/disconnect.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

disconnectSuite(useMockRedis());
