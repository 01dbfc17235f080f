-- set_desired: replaces the desired document, if it is still the one that was merged into,
-- and tells the device.
-- KEYS   | state history:desired
-- ARGV   now dialect channel logCap historyCap | id expectedVersion expectedText desired patch
-- Reply  {1, version}; {0}: not registered; {2, version, text}: it is another one by now.
-- Events a state update on the device's channel.
-- @include base
-- @include record
-- @include history

local now = moment()
local device = deviceReader({'registered', 'desired'})(ARGV[6], KEYS[1])
if not device then return {0} end
local state, dialect, stored = device.state, device.dialect, text(device.values[EXTRA + 1])
if ARGV[7] ~= int(state[DESIRED_VERSION]) or ARGV[8] ~= stored then
  return {2, state[DESIRED_VERSION], stored}
end
local desired, version = ARGV[9], state[DESIRED_VERSION] + 1
local entry = documentEntry(KEYS[2], device, now, version, desired, stored, state[DESIRED_AT])
state[DESIRED_VERSION], state[DESIRED_AT] = version, now

redis.call('HSET', device.key, dialect.desired, desired, 'devstate', packState(state))
redis.call('PUBLISH', ARGV[3],
  '{"type":"state_update","' .. dialect.desired .. '":' .. desired .. ',"timestamp":' .. instant(dialect, now)
  .. ',"version":' .. int(version) .. ',"patch":' .. ARGV[10] .. '}')
remember(KEYS[2], entry)
return {1, version}
