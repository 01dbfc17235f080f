import { deltaSuite } from '../commands/suite/delta.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

deltaSuite(useMockRedis());
