/**
 * The Lua of `RedisAllowanceStore`; what it means in figures is what the SQL of `PostgresAllowanceStore` does.
 *
 * A window is a hash: `total`, `spent`, `alerted` (the highest level that was told), `org`, and one field for each holder,
 * `h:<id>`, with `<kept> <granted> <spent> <fence>`; `h:` alone is a debt of the window before. A rate is a hash of `tat`
 * and `org`. Numbers up to 2^53 stay exact as long as none is turned into text by itself.
 *
 * Each script begins with KEYS[1], the marker, and ARGV[1], what the caller takes it for; where that is wrong it does
 * nothing and answers nil.
 */
const CHECK_MARKER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
`;

const WINDOWS = `
local function entry(text)
  local kept, granted, spent, fence = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
  return { held = tonumber(kept) + tonumber(granted), spent = tonumber(spent), fence = tonumber(fence) }
end

-- Of all holders but one: what they hold and have spent, how many they are; and the one.
local function holdersOf(window, own)
  local others = { held = 0, spent = 0, count = 0 }
  local ownEntry = nil
  local fields = redis.call('HGETALL', window)
  for at = 1, #fields, 2 do
    if fields[at] == own then
      ownEntry = entry(fields[at + 1])
    elseif string.sub(fields[at], 1, 2) == 'h:' then
      local other = entry(fields[at + 1])
      others.held = others.held + other.held
      others.spent = others.spent + other.spent
      others.count = others.count + 1
    end
  end
  return others, ownEntry
end

local function text(...) return string.format('%.0f %.0f %.0f %.0f', ...) end
`;

/**
 * KEYS: the marker, the holder's index, and for each ask its window and the one before.
 * ARGV: the marker, since when it holds for windows, the holder's id, its fence, and for each ask the 11 of `ask` below.
 */
export const EXCHANGE = `${CHECK_MARKER}${WINDOWS}
local trustedFrom, own, fence = tonumber(ARGV[2]), 'h:' .. ARGV[3], tonumber(ARGV[4])

local function askAt(at)
  local a = 4 + (at - 1) * 11
  return {
    window = KEYS[1 + at * 2], before = KEYS[2 + at * 2],
    org = ARGV[a + 1], startsAt = tonumber(ARGV[a + 2]), endsAt = ARGV[a + 3], keptMs = ARGV[a + 4],
    max = tonumber(ARGV[a + 5]), hasDebt = ARGV[a + 6] == '1', keep = tonumber(ARGV[a + 7]),
    spent = tonumber(ARGV[a + 8]), need = tonumber(ARGV[a + 9]), want = tonumber(ARGV[a + 10]),
    alertAt = tonumber(ARGV[a + 11]),
  }
end

-- The first in a window inherits what was used beyond the limit in the one before.
local function inheritDebt(ask, others)
  if not ask.hasDebt or redis.call('EXISTS', ask.window) == 1 then return end
  local debt = tonumber(redis.call('HGET', ask.before, 'total') or 0) - ask.max
  if debt <= 0 then return end
  redis.call('HSET', ask.window, 'h:', text(debt, 0, debt, 0))
  others.held, others.spent, others.inherited = debt, debt, 1
end

-- Whoever asks in advance leaves the others their share.
local function grant(ask, rest, holders)
  if rest < ask.need then return math.max(0, rest) end
  return ask.need + math.min(ask.want, math.floor((rest - ask.need) / (2 * holders)))
end

local function levelOf(ask, total)
  if total >= ask.max then return 2 end
  if ask.alertAt and total >= ask.alertAt then return 1 end
  return 0
end

local function exchange(ask)
  local others, before = holdersOf(ask.window, own)
  if before and before.fence >= fence then return false end
  inheritDebt(ask, others)
  local kept = ask.keep or (before and before.held) or 0
  local spent = ask.keep and ask.spent or kept
  -- Nobody knows what else was granted of a window that Redis has lost: it counts as all of it.
  local isLost = ask.startsAt < trustedFrom
  local granted = isLost and 0 or grant(ask, ask.max - others.held - kept, others.count + 1)
  local total = others.held + kept + granted
  local level = isLost and 0 or levelOf(ask, total)
  local alerted = tonumber(redis.call('HGET', ask.window, 'alerted') or 0)
  redis.call('HSET', ask.window, own, text(kept, granted, spent, fence), 'org', ask.org,
    'total', total, 'spent', others.spent + spent, 'alerted', math.max(alerted, level))
  redis.call('PEXPIRE', ask.window, ask.keptMs)
  redis.call('ZADD', KEYS[2], ask.endsAt, ask.window)
  if isLost then total = math.max(total, ask.max) end
  return { kept, granted, total, others.spent + spent, others.count + (others.inherited or 0) + 1,
    level > alerted and level or 0 }
end

local answers = {}
for at = 1, (#KEYS - 2) / 2 do answers[at] = exchange(askAt(at)) end
local seconds = redis.call('TIME')[1]
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', seconds .. '000')
redis.call('PEXPIRE', KEYS[2], 600000)
return answers`;

/**
 * KEYS: the marker, and windows of the holder. ARGV: the marker, the holder's id, its fence, and for each window what was
 * used of it; nothing where nobody knows.
 */
export const RECOVER = `${CHECK_MARKER}${WINDOWS}
local own, fence = 'h:' .. ARGV[2], tonumber(ARGV[3])
for at = 2, #KEYS do
  local others, before = holdersOf(KEYS[at], own)
  if before then
    local used = tonumber(ARGV[at + 2]) or before.held
    redis.call('HSET', KEYS[at], own, text(used, 0, used, fence),
      'total', others.held + used, 'spent', others.spent + used)
  end
end
return 0`;

/**
 * GCRA (ITU-T I.371): `tat` is when the next request would be due at an even pace; a burst may run that far ahead of it.
 * KEYS: the marker and the rates. ARGV: the marker, since when it holds for rates, how long what is not used is kept, and
 * for each rate its organization, limit per second, burst, what comes back, what is asked for. Answers for each what is
 * granted and how many milliseconds it is ahead, as text: Redis would cut it to a whole number.
 */
export const TAKE_RATES = `${CHECK_MARKER}
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local lostAt, keptMs = tonumber(ARGV[2]), tonumber(ARGV[3])

local answers = {}
for at = 1, #KEYS - 1 do
  local rate, a = KEYS[at + 1], 3 + (at - 1) * 5
  local perSecond, burst = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local back, asked = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
  local pace = 1000 / perSecond
  local tat = tonumber(redis.call('HGET', rate, 'tat') or nil)
  -- What Redis has lost counts as used up when it did.
  if tat then tat = tat - back * pace else tat = lostAt + burst * pace end
  tat = math.max(tat, now)
  local granted = math.max(0, math.min(asked, math.floor((now - tat) / pace + burst + 1e-6)))
  tat = tat + granted * pace
  redis.call('HSET', rate, 'tat', string.format('%.17g', tat), 'org', ARGV[a + 1])
  redis.call('PEXPIRE', rate, string.format('%.0f', tat - now + keptMs))
  answers[at] = { granted, string.format('%.17g', tat - now) }
end
return answers`;
