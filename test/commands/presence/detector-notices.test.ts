import { expect, test } from 'vitest';
import { detectorNotices } from '../../../src/commands/presence/detector-notices.js';
import type { Context } from '../../../src/commands/shared/context.js';
import { BYPASSED_NOTICE } from '../../../src/core/detection/bypassed-notice.js';

test.each([
  [
    BYPASSED_NOTICE,
    'another program writes to this exclusive fleet, and the index lacks its changes: devstate init --writers shared',
  ],
  ['device "d1": bad', 'device "d1": bad'],
])('the notice %j of a detector', (message, shown) => {
  const notices: string[] = [];
  const context = { notice: (text: string) => void notices.push(text) } as Context;
  detectorNotices(context, true).onNotice?.(message);
  expect(notices).toEqual([shown]);
});
