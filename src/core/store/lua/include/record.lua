-- The record, read in the fleet's dialect and, failing that, in the other one.
-- NODE and PYTHON come from core/dialect.ts, put in front of every script.
local DIALECTS = ARGV[2] == 'python' and {PYTHON, NODE} or {NODE, PYTHON}

-- The packed field `devstate`, by these places; all 0 where absent.
local REPORTED_VERSION, REPORTED_AT, DESIRED_VERSION, DESIRED_AT = 1, 2, 3, 4
local SEQ, PRESENCE_AT, OWN_TTL = 5, 6, 7

local function unpackState(text)
  local a, b, c, d, e, f, g = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if not a then return {0, 0, 0, 0, 0, 0, 0} end
  return {tonumber(a), tonumber(b), tonumber(c), tonumber(d), tonumber(e), tonumber(f), tonumber(g)}
end

local function packState(state)
  return string.format('%d %d %d %d %d %d %d', unpack(state, 1, 7))
end

-- An instant as the record's dialect writes and reads it: ms, or seconds with a fraction.
local function instant(dialect, ms)
  if dialect.seconds then return string.format('%.0f.%03d', math.floor(ms / 1000), ms % 1000) end
  return int(ms)
end

local function milliseconds(dialect, text)
  local number = tonumber(text) or 0
  if dialect.seconds then number = number * 1000 end
  if not (number > 0 and number < 1e15) then return 0 end
  return math.floor(number + 0.5)
end

local function text(value) return type(value) == 'string' and value or '' end

-- Returns a function (id, key) that reads a device, with the `extra` fields in `values`
-- from EXTRA on; it gives nil for a record without its id field, which is not registered.
local EXTRA = 6

local function deviceReader(extra)
  local lists = {}
  for i, dialect in ipairs(DIALECTS) do
    lists[i] = {dialect.id, 'devstate', dialect.type, dialect.status, dialect.lastSeen}
    for _, name in ipairs(extra or {}) do table.insert(lists[i], dialect[name]) end
  end
  return function(id, key)
    for i, dialect in ipairs(DIALECTS) do
      local values = redis.call('HMGET', key, unpack(lists[i]))
      if type(values[1]) == 'string' then
        return {id = id, key = key, dialect = dialect, state = unpackState(text(values[2])),
          type = text(values[3]), status = text(values[4]),
          lastSeen = milliseconds(dialect, text(values[5])), values = values}
      end
    end
  end
end
