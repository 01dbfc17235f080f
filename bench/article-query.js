/** A fleet query of the article's design as a program, so that its time and memory can be measured. Prints NDJSON. */
import { Redis } from 'ioredis';
import { devicesWithState, staleDevices } from './support/article.js';

const CHUNK = 500;
const ROWS_PER_WRITE = 500;
const [query, argument] = process.argv.slice(2);
const QUERIES = {
  'stale-whole': (redis) => staleDevices(redis, Number(argument)),
  'stale-chunks': (redis) => staleDevices(redis, Number(argument), CHUNK),
  state: (redis) => devicesWithState(redis, argument),
};

const redis = new Redis(process.env.DEVSTATE_URL);
const rows = await QUERIES[query](redis);
redis.disconnect();
for (let from = 0; from < rows.length; from += ROWS_PER_WRITE) {
  const text = rows.slice(from, from + ROWS_PER_WRITE).map((row) => `${JSON.stringify(row)}\n`);
  process.stdout.write(text.join(''));
}
