import { setDesiredSuite } from '../commands/suite/set-desired.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

setDesiredSuite(useMockRedis());
