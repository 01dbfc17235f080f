-- What devstate notes beside a report, in a field of its own, when it writes the report. A later heartbeat finds out by
-- it, without parsing and without a look at the history, that its report is certainly another value, and that no other
-- program changed the stored one in between.
--
-- The field is written only to a record in the fleet's dialect. It has three words: the dialect and the version of the
-- report, by which a report that was written without the field is noticed; and two that the caller computes
-- (`digest`, see presence/report-digest.ts): a checksum of the report's text, '-' in an exclusive fleet, where no other
-- program writes; and a digest of its value.
local DIGEST_FIELD = 'reportDigest'

-- The checksum is a prefix of SHA-1, of this many hexadecimal digits.
local CHECKSUM_DIGITS = 12

local function formatDigest(version, digest) return dialectName .. version .. ' ' .. digest end

-- Returns the field's text up to the digest of the value, for a report that was stored as this version.
local function digestPrefix(version, report)
  local checksum = exclusive == '1' and '-' or string.sub(redis.sha1hex(report), 1, CHECKSUM_DIGITS)
  return dialectName .. version .. ' ' .. checksum .. ' '
end
