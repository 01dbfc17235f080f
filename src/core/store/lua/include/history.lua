-- History: for each kind a list of JSON entries, oldest first, with at most `historyCap` entries (0: none). An entry
-- is a change that devstate made. Other programs add no entries; if one changed the device since the last entry,
-- the next entry has "unknown":[from,to], the time during which the state is not known.

-- Returns the newest entry, or false if there is none. It must be called before the script's first write, because
-- it fails if another program stored a value of another type at the key.
local function readNewestEntry(key) return redis.call('LINDEX', key, '-1') end

local function formatUnknown(from, to) return ',"unknown":[' .. int(from) .. ',' .. int(to) .. ']' end

local function appendEntry(key, entry)
  local cap = tonumber(historyCap)
  if cap == 0 then
    redis.call('LTRIM', key, '1', '0') -- deletes older entries: no later entry would continue them
  elseif redis.call('RPUSH', key, entry) > cap then
    redis.call('LTRIM', key, '-' .. historyCap, '-1')
  end
end

-- Returns when the device was registered, in ms. If that is later than devstate's last change, another program
-- registered the device again, which emptied its documents. The device must have been read with 'registered'.
local function registeredAt(device) return parseInstant(device.dialect, device.registered) end

-- Returns whether the document of an entry is this text. The text is compared in place, because documents may be
-- long.
local function hasValue(entry, json)
  local _, before = string.find(entry, '"value":', 1, true)
  return before and #entry == before + #json + 1 and string.find(entry, json, before + 1, true) == before + 1
end

-- Returns the entry for a document that becomes `value`. `stored` is the text before the change, `since` the time
-- of devstate's last change of the document. "first":true means that only the registration's empty document was
-- there before.
local function formatDocumentEntry(key, device, now, version, value, stored, since)
  local newest, note = readNewestEntry(key), ''
  if version == 1 then
    if stored == '' or stored == '{}' then note = ',"first":true' end
  elseif newest and not (hasValue(newest, stored) and registeredAt(device) <= since) then
    note = formatUnknown(since, now)
  end
  return '{"at":' .. int(now) .. ',"version":' .. int(version) .. note .. ',"value":' .. value .. '}'
end
