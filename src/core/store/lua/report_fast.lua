-- report_fast: notes heartbeats of devices that stay online and certainly send a new report, or the very text of the
--        stored one. All others, and devices that it skips as heartbeat_fast.lua does, are left to heartbeat.lua.
-- KEYS   online activity pulse layout | state heartbeat history:reported
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout defaultTtl longestTtl exclusive reportedCap | id ttl reported digest
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
local nowInt, sub = int(now), string.sub
-- Where the digest of the value begins in the argument `digest`.
local DIGEST_AT = isExclusive and 3 or CHECKSUM_DIGITS + 2
local READ_FIELDS = {'devstate', 'reported', DIGEST_FIELD, 'registered'}

-- Reads the fields of a record that are needed. `registered` tells whether another program registered the device again.
local function readFields(stateKey)
  if isExclusive then return call('HMGET', stateKey, 'devstate', reportedField, DIGEST_FIELD) end
  return call('HMGET', stateKey, 'devstate', reportedField, DIGEST_FIELD, registeredField)
end

local function heartbeat(stateKey, heartbeatKey, reportedHistoryKey, id, ttl, reported, digest)
  if isBounded and oversizeIn(stateKey, dialect, READ_FIELDS) then return SKIPPED end
  local values = readFields(stateKey)
  local stored, kept = values[2], values[3]
  if not (values[1] and stored and kept) then return SKIPPED end
  local version, reportedAt, others, desiredVersion, ownTtl = match(values[1], ONLINE_STATE)
  if not version then return SKIPPED end

  -- If the digest was kept for the stored text, devstate wrote the text, to a record in the fleet's dialect, and it is the
  -- newest entry of the history, which need not be read.
  local prefix = digestPrefix(version, stored)
  if sub(kept, 1, #prefix) ~= prefix then return SKIPPED end
  if not isExclusive and parseInstant(dialect, values[4]) > tonumber(reportedAt) then return SKIPPED end
  local deadline = deadlineOf(ttl, ownTtl)
  if reported == stored then
    if call('PEXPIREAT', heartbeatKey, deadline) == 0 then return SKIPPED end
    call('HSET', stateKey, lastSeenField, nowText, statusField, 'online')
    return addBeaten(id, deadline, ttl, ownTtl, desiredVersion)
  end
  if digest == '' or sub(digest, DIGEST_AT) == sub(kept, #prefix + 1) then return SKIPPED end

  -- The entry is written first: this fails if the key holds another Redis type, and Redis does not undo writes. It is
  -- removed if the device turns out to be offline.
  local nextVersion = int(version + 1)
  appendEntry(reportedHistoryKey, documentEntry(nowInt, nextVersion, '', reported), reportedCap)
  if call('PEXPIREAT', heartbeatKey, deadline) == 0 then
    call('LTRIM', reportedHistoryKey, '0', '-2')
    return SKIPPED
  end
  call('HSET', stateKey, lastSeenField, nowText, statusField, 'online', reportedField, reported,
    'devstate', nextVersion .. ' ' .. nowInt .. ' ' .. others, DIGEST_FIELD, formatDigest(nextVersion, digest))
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
