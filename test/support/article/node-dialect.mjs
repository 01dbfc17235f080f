/** What is particular to the article's Node classes; python-dialect.mjs has the same members. */
const EMPTY = '{}';

export const nodeDialect = {
  name: 'node',
  /** Returns the name of a field, given in camel case. */
  field: (camel) => camel,
  /** Parses the JSON of a hash field; a field that is missing or empty is an empty object. */
  loads,
  /** As `loads`, for an object that is changed and written back. */
  loadsForWriting: loads,
  dumps: JSON.stringify,
  /** The current time in the dialect's unit, ms. */
  time: (now = Date.now) => Math.floor(now()),
  unitsPerSecond: 1000,
  timeText: String,
  /** Returns a time so that `dumps` writes it as the program does. */
  timeInJson: (at) => at,
  /** Opens a pipeline as the program does: without MULTI. */
  pipeline: (redis) => redis.pipeline(),
  /** Replaces the results of a pipeline by the replies. The program ignores errors, so a failed command gives null. */
  replies(results) {
    for (const [i, [error, reply]] of results.entries()) results[i] = error ? null : reply;
    return results;
  },
  /** Two reads that do not depend on each other are sent at once, with Promise.all. */
  readsAtOnce: true,
  /** An empty report is written as well. */
  isReport: Boolean,
  /** A record without its id is no device. */
  isDevice: (record) => Boolean(record.deviceId),
  /** Two equal objects or arrays differ. */
  isSame: (a, b) => a === b,
  /** Cuts the id at a colon, so that `device:heartbeat:aa:bb` gives `aa`. */
  idOfKey: (key) => key.split(':')[2],
};

function loads(json) {
  return JSON.parse(json || EMPTY);
}
