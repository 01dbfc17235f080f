import { getSuite } from '../commands/suite/get.js';
import { useMockRedis } from '../support/mock/use-mock-redis.js';

getSuite(useMockRedis());
