/** A fleet query of the article's design as a program, so that its time and memory can be measured. Prints NDJSON. */
import { Redis } from 'ioredis';
import { nodeDialect } from '../test/support/article/node-dialect.mjs';
import { createProgram } from '../test/support/article/program.mjs';

const CHUNK = 500;
const ROWS_PER_WRITE = 500;
const [query, argument] = process.argv.slice(2);
const QUERIES = {
  'stale-whole': (article) => article.stale(Number(argument) / 1000),
  'stale-chunks': (article) => article.stale(Number(argument) / 1000, CHUNK),
  state: (article) => article.byTypeWithState(argument),
};

const redis = new Redis(process.env.DEVSTATE_URL);
const rows = await QUERIES[query](createProgram(nodeDialect, redis));
redis.disconnect();
for (let from = 0; from < rows.length; from += ROWS_PER_WRITE) {
  const text = rows.slice(from, from + ROWS_PER_WRITE).map((row) => `${JSON.stringify(row)}\n`);
  process.stdout.write(text.join(''));
}
