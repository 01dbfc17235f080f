-- report_fast: notes heartbeats of devices that stay online and certainly send a new report, or the very text of the
--        stored one. All others, and devices that it skips as heartbeat_fast.lua does, are left to heartbeat.lua.
-- KEYS   online activity pulse layout | state heartbeat history:reported
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes layout defaultTtl longestTtl exclusive | id ttl reported digest
-- Reply  as heartbeat_fast.
-- Events none.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include history
-- @include digest
-- @include beaten
-- @include stamp

probeKeys()
local pulseText = readPulse()
local registeredField, reportedField = dialect.registered, dialect.reported
local READ_FIELDS = {'id', 'devstate', 'reported', DIGEST_FIELD, 'registered'}
local nowInt = int(now)

-- Returns whether a report is certainly another value than the stored one, which devstate wrote at `version`, and no
-- other program changed since. Then the newest entry of the history is the stored report, and need not be read.
local function isNewValue(digest, stored, kept, version, reportedAt, registered)
  if digest == '' then return false end
  local written = digestPrefix(stored, version, isExclusive)
  local length = #written
  if string.sub(kept, 1, length) ~= written or string.sub(kept, length + 1) == digest then return false end
  return isExclusive or parseInstant(dialect, registered) <= reportedAt
end

local function heartbeat(stateKey, heartbeatKey, reportedHistoryKey, id, ttl, reported, digest)
  if isBounded and oversizeIn(stateKey, dialect, READ_FIELDS) then return SKIPPED end
  local values = call('HMGET', stateKey, idField, 'devstate', reportedField, DIGEST_FIELD, registeredField)
  local stored = values[3]
  if not (values[1] and values[2] and stored) then return SKIPPED end
  local version, reportedAt, others, desiredVersion, ownTtl = match(values[2], ONLINE_STATE)
  if not version then return SKIPPED end
  local deadline = deadlineOf(ttl, ownTtl)
  if reported == stored then
    if call('PEXPIREAT', heartbeatKey, deadline) == 0 then return SKIPPED end
    call('HSET', stateKey, lastSeenField, nowText, statusField, 'online')
    return addBeaten(id, deadline, ttl, ownTtl, desiredVersion)
  end
  if not isNewValue(digest, stored, values[4] or '', version, tonumber(reportedAt), values[5]) then return SKIPPED end

  -- The entry is written first: this fails if the key holds another Redis type, and Redis does not undo writes. It is
  -- removed if the device turns out to be offline.
  local nextVersion = int(version + 1)
  appendEntry(reportedHistoryKey, documentEntry(nowInt, nextVersion, '', reported))
  if call('PEXPIREAT', heartbeatKey, deadline) == 0 then
    call('LTRIM', reportedHistoryKey, '0', '-2')
    return SKIPPED
  end
  call('HSET', stateKey, lastSeenField, nowText, statusField, 'online', reportedField, reported,
    'devstate', nextVersion .. ' ' .. nowInt .. ' ' .. others,
    DIGEST_FIELD, digestPrefix(reported, nextVersion, isExclusive) .. digest)
  return addBeaten(id, deadline, ttl, ownTtl, desiredVersion)
end

local replies = eachDeviceOrSkip(heartbeat, {now})
writeIndex()
-- Mostly the pulse was stamped just now. So its functions are made only where they are called: that takes almost 1 us.
if count > 0 and not isJustStamped(pulseText, now) then
-- @include pulse
  local pulse = computePulse(pulseText, 'beat', now, tonumber(longestTtl))
  stampBeats(pulse, now, beaten[1], scores[1] - now, beaten[2], beaten[2] and scores[3] - now)
end
return replies
