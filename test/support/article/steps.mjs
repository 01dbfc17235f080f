/**
 * Runs an operation of the article's programs one Redis step at a time. A step is one command, or a whole
 * MULTI/EXEC: between two steps another client can change the data.
 */

/**
 * Yields the text of each step after it was sent; returns the answer of the operation.
 * @param connection `{ redis, publisher }`: ioredis clients
 * @param operation gets a connection whose commands wait until the iterator is asked for the next step
 */
export async function* runStepwise({ redis, publisher }, operation) {
  const waiting = [];
  let wake = () => {};
  const addStep = (text, run) =>
    new Promise((resolve, reject) => {
      waiting.push({ text, send: () => run().then(resolve, reject) });
      wake();
    });

  const answer = operation({
    redis: steppedClient(redis, addStep),
    publisher: steppedClient(publisher, addStep),
  });
  answer.catch(() => {}); // `await answer` below throws it, when the iterator is asked for the next step
  for (;;) {
    // Until the operation sends a command or ends.
    if (waiting.length === 0) await Promise.race([answer, new Promise((resolve) => (wake = resolve))]);
    const step = waiting.shift();
    if (step === undefined) return await answer;
    await step.send();
    yield step.text;
  }
}

/** A client with the commands, `pipeline()` and `multi()` of ioredis, each of which adds its steps and waits for them. */
function steppedClient(redis, addStep) {
  const command = ([name, ...args]) => addStep(textOf([name, ...args]), () => redis[name](...args));
  const members = {
    pipeline: () =>
      collector((commands) =>
        Promise.all(
          commands.map((each) =>
            command(each).then(
              (reply) => [null, reply],
              (error) => [error, null],
            ),
          ),
        ),
      ),
    multi: () =>
      collector((commands) => addStep(commands.map(textOf).join('; '), () => redis.multi(commands).exec())),
  };
  return new Proxy(members, {
    get: (own, name) => own[name] ?? ((...args) => command([name, ...args])),
  });
}

/** A pipeline that collects its commands and passes them to `exec`. */
function collector(exec) {
  const commands = [];
  const members = { exec: () => exec(commands) };
  return new Proxy(members, {
    get: (own, name) => own[name] ?? ((...args) => commands.push([name, ...args])),
  });
}

function textOf(command) {
  return command.map((part) => (typeof part === 'object' ? JSON.stringify(part) : part)).join(' ');
}
