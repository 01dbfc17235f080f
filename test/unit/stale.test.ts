import { staleSuite } from '../commands/suite/stale.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

staleSuite(useMockRedis());
