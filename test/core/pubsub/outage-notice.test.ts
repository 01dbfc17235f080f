/** An outage of several parts is reported as one. */
import { expect, test } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { OutageNotice } from '../../../src/core/pubsub/outage-notice.js';

const error = (message: string) => new DevstateError('CONNECTION', message);

test('reports the loss of the first part, and the return when the last part has returned', () => {
  const said: string[] = [];
  const outage = new OutageNotice({
    onLost: ({ message }) => said.push(message),
    onResumed: () => said.push('back'),
  });
  outage.end('a');
  outage.begin(error('a is lost'), 'a');
  outage.begin(error('b is lost'), 'b');
  outage.begin(error('a is lost again'), 'a');
  outage.end('a');
  outage.end('a');
  outage.end('c');
  expect([outage.isActive, said]).toEqual([true, ['a is lost']]);
  outage.end('b');
  outage.begin(error('b is lost'), 'b');
  expect([outage.isActive, said]).toEqual([true, ['a is lost', 'back', 'b is lost']]);
});

test('works without a part, where there is only one', () => {
  const said: string[] = [];
  const outage = new OutageNotice({ onLost: () => said.push('lost'), onResumed: () => said.push('back') });
  outage.end();
  for (let i = 0; i < 2; i++) outage.begin(error('lost'));
  for (let i = 0; i < 2; i++) outage.end();
  expect([outage.isActive, said]).toEqual([false, ['lost', 'back']]);
});
