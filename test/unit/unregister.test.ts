import { unregisterSuite } from '../commands/suite/unregister.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

unregisterSuite(useMockRedis());
