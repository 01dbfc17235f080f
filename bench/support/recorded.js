/** The very requests that the library sends, so that they can be pumped at Redis again. */

/** The first arguments of every script: the test's time, `notAfter` far ahead (epoch ms), no check of permissions. */
const FIRST_ARGUMENTS = ['', '4000000000000', ''];

/**
 * Runs `work` and returns the script calls that the client writes meanwhile, in order, as lists of arguments. Their time
 * limit is far ahead.
 * @param client an ioredis client; the server must know the scripts
 */
export async function recordedScripts(client, work) {
  const { stream } = client;
  const { write } = stream;
  const written = [];
  stream.write = function record(data, ...rest) {
    written.push(Buffer.from(data));
    return write.call(this, data, ...rest);
  };
  try {
    await work();
  } finally {
    delete stream.write;
  }
  return commands(Buffer.concat(written))
    .filter(([name]) => name.toString().toLowerCase() === 'evalsha')
    .map(withoutLimit);
}

/** Splits what was written into commands, each a list of its arguments. */
function commands(bytes) {
  const all = [];
  let at = 0;
  const number = () => {
    const end = bytes.indexOf('\r\n', at);
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  while (at < bytes.length) {
    const command = [];
    for (let left = number(); left > 0; left -= 1) {
      const length = number();
      command.push(bytes.subarray(at, at + length));
      at += length + 2;
    }
    all.push(command);
  }
  return all;
}

function withoutLimit(command) {
  const args = command.map(String);
  return args.toSpliced(3 + Number(args[2]), FIRST_ARGUMENTS.length, ...FIRST_ARGUMENTS);
}
