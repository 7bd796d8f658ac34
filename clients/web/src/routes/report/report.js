// What a report has, whatever of it there is: a class without questions, or without analysis, has a report, too. No page.

const lists = (value) => (Array.isArray(value) ? value : []);

/** {session, students, quizzes, counts, summary} of the report's document. */
export function sections(report) {
  const session = report.session ?? report;
  const engagement = new Map(lists(report.engagement?.students ?? report.engagement).map((one) => [one.student_id, one]));
  const people = lists(report.students ?? report.attendance ?? report.participants);
  const students = people.map((one) => {
    const id = one.user_id ?? one.student_id;
    return { ...engagement.get(id), ...one, overall: one.overall ?? one.engagement?.overall ?? engagement.get(id)?.overall ?? null, id };
  });
  return {
    session,
    students,
    quizzes: lists(report.quizzes ?? report.questions),
    counts: report.counts ?? session.counts ?? {},
    summary: report.summary ?? report.engagement_summary ?? null,
  };
}

export const durationMs = (session) => session.duration_ms ?? (session.ended_at ? Date.parse(session.ended_at) - Date.parse(session.started_at) : null);
