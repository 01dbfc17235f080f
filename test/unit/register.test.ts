import { registerSuite } from '../commands/suite/register.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

registerSuite(useMockRedis());
