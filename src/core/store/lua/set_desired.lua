-- set_desired: replaces the desired document of a device if it is still the expected one (compare-and-set), and
--        publishes the change on the device's channel.
-- KEYS   layout | state history:desired
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout desiredCap | id expectedVersion expectedText desired patch
--        expectedText: 'any': a document of the expected version is replaced whatever its text is, because it is not UTF-8.
-- Reply  {now, 1, version}; {now, 0}: not registered; {now, 2, version, text}: the stored document is not the expected one;
--        these are its version and text.
-- Events a state update on the device's channel.
-- @include base
-- @include layout
-- @include record
-- @include history

local device, oversize = makeDeviceReader({'registered', 'desired'})(id, stateKey)
if oversize then return redis.error_reply(oversize) end
if not device then return {now, 0} end
local state, dialect, stored = device.state, device.dialect, device.desired
if expectedVersion ~= int(state[DESIRED_VERSION]) or expectedText ~= 'any' and expectedText ~= stored then
  return {now, 2, state[DESIRED_VERSION], stored}
end
local version = state[DESIRED_VERSION] + 1
local entry = formatDocumentEntry(desiredHistoryKey, device, now, version, desired, stored, state[DESIRED_AT])
state[DESIRED_VERSION], state[DESIRED_AT] = version, now

redis.call('HSET', stateKey, dialect.desired, desired, 'devstate', packState(state))
redis.call('PUBLISH', channel,
  '{"type":"state_update","' .. dialect.desired .. '":' .. desired .. ',"timestamp":' .. formatInstant(dialect, now)
  .. ',"version":' .. int(version) .. ',"patch":' .. patch .. '}')
appendEntry(desiredHistoryKey, entry, desiredCap)
return {now, 1, version}
