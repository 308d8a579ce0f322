// The Date header (RFC 9110, 5.6.7): a server with a clock sends it.

import Glibc

/// Writes dates as HTTP wants them.
enum HTTPDate {
    /// The date now.
    static func now() -> String {
        var now = timespec()
        guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return text(unixSeconds: 0) }
        return text(unixSeconds: now.tv_sec)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` for 784111777.
    static func text(unixSeconds: Int) -> String {
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        let date = civilDate(daysSince1970: days)
        let clock = [second / 3_600, second / 60 % 60, second % 60].map(twoDigits).joined(separator: ":")
        let weekday = weekdays[(days + 4) % 7]  // 1 January 1970 was a Thursday
        return "\(weekday), \(twoDigits(date.day)) \(months[date.month - 1]) \(date.year) \(clock) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    /// Counts years from March, so that the leap day is a year's last.
    private static func civilDate(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468  // days since 1 March of year 0
        let era = shifted / 146_097  // 400 years
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
