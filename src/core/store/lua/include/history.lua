-- The history of a device: for each kind (reported, desired, presence) a list of entries, oldest first, with a cap on
-- their number. An entry is a change that devstate made. Other programs add no entries. If one of them changed the device
-- after an entry, the next entry has "unknown":[from,to], the time (ms) for which the state is not known.
-- An entry that needs a note is JSON: {"at":…,"version":…,"first":true,"value":{…}}. Most need none, and are short,
-- because a fleet has many: "<at> <version> <value>"; for a transition 19 digits, which a list keeps as a number of 10
-- bytes: 13 of `at`, one of the reason, 5 of `seq`.

-- Returns the newest entry of a history list, or false if it has none. It must be called before the script's first
-- write, because it fails if the key holds another Redis type, and Redis does not undo writes.
local function readNewestEntry(key) return redis.call('LINDEX', key, '-1') end

local function formatUnknown(from, to) return ',"unknown":[' .. int(from) .. ',' .. int(to) .. ']' end

-- Appends an entry to a list, of which the newest `cap` entries are kept; 0: none. A negative cap is the default of a fleet
-- that declares none: a list that is longer already, because 0.1 kept more entries, keeps its length.
local function appendEntry(key, entry, cap)
  cap = tonumber(cap)
  if cap == 0 then
    -- The fleet keeps no history of this kind. LTRIM deletes the entries from the time when it kept one: a list that lacks the
    -- later changes would be misleading.
    redis.call('LTRIM', key, '1', '0')
  elseif redis.call('RPUSH', key, entry) > math.abs(cap) then
    redis.call('LTRIM', key, cap > 0 and int(-cap) or '1', '-1')
  end
end

-- Returns when the device was registered, in epoch ms. If that is later than devstate's last change of the device,
-- another program registered it again, which emptied its documents. `makeDeviceReader` must have been called with
-- 'registered', or the result is 0.
local function registeredAt(device) return parseInstant(device.dialect, device.registered) end

-- Returns whether the document in a history entry is `json`. It is compared within the text of the entry, without a
-- copy, because documents may be long; only a JSON entry needs a copy of `json`.
local function hasValue(entry, json)
  local _, before = string.find(entry, '^%d+ %d+ ')
  if not before then
    _, before = string.find(entry, '"value":', 1, true)
    json = json .. '}'
  end
  return before and #entry == before + #json and string.find(entry, json, before + 1, true) == before + 1
end

-- Returns a history entry of a document in its short form, or, if it has a note, as JSON.
local function documentEntry(at, version, note, value)
  if note == '' then return at .. ' ' .. version .. ' ' .. value end
  return '{"at":' .. at .. ',"version":' .. version .. note .. ',"value":' .. value .. '}'
end

-- Returns the history entry for a document that becomes `value`. `stored` is the document's text before the change,
-- `since` the time (ms) of devstate's last change of it. "first":true in an entry means that before it there was only
-- the empty document of the registration.
local function formatDocumentEntry(key, device, now, version, value, stored, since)
  local newest, note = readNewestEntry(key), ''
  if version == 1 then
    if stored == '' or stored == '{}' then note = ',"first":true' end
  elseif newest and not (hasValue(newest, stored) and registeredAt(device) <= since) then
    note = formatUnknown(since, now)
  end
  return documentEntry(int(now), int(version), note, value)
end
