import { statsSuite } from '../commands/suite/stats.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

statsSuite(useMockRedis());
