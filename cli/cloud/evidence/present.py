"""The present state of an environment: what runs, which alarms are raised, what is deployed."""

from cli.cloud.evidence.answers import Document
from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.judging import Judged, fault_of, nothing_found, unanswered
from cli.cloud.evidence.places import alarms_in
from cli.cloud.evidence.text import filled, text

AT_REST = ("CREATED", "STOPPED")
"""States of an application of EMR Serverless in which it has no workers, and costs nothing."""

APPLICATION, JOBS, EXECUTIONS = "emr-serverless:GetApplication", "emr-serverless:ListJobRuns", "states:ListExecutions"


def judge_rest(evidence: Evidence) -> Judged:
    """Judge whether the application has stopped, and no job and no execution runs."""
    contents = evidence.answers.contents
    states = [content["application"]["state"] for _, content in contents(APPLICATION)]
    jobs = [job["id"] for _, content in contents(JOBS) for job in content["jobRuns"]]
    executions = [one["name"] for _, content in contents(EXECUTIONS) for one in content["executions"]]
    proof = filled(
        "The application is {state}; no job runs, and no execution.",
        state=", ".join(states),
    )
    faults = [
        *fault_of(
            [state for state in states if state not in AT_REST],
            "The application is {names}: it stops by itself some minutes after the last job, so ask again then.",
        ),
        *fault_of(jobs, "Jobs that have not ended: {names}."),
        *fault_of(executions, "Running executions: {names}."),
    ]
    return Judged(proof, [*unanswered(evidence.answers, APPLICATION, JOBS, EXECUTIONS), *faults])


def judge_alarms(evidence: Evidence) -> Judged:
    """Judge whether the environment has alarms, and none is raised."""
    alarms = list(alarms_in(evidence.answers))
    raised = [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
    proof = filled("None of {count:.0f} alarms is raised.", count=len(alarms))
    call = "cloudwatch:DescribeAlarms"
    unknown = unanswered(evidence.answers, call) or nothing_found(alarms, call)
    return Judged(proof, [*unknown, *fault_of(raised, "Raised: {names}.")])


def judge_template(evidence: Evidence) -> Judged:
    """Judge whether the deployed template equals the given one."""
    call, wanted = "cloudformation:GetTemplate", dict(evidence.template or {})
    different = [
        name for _, content in evidence.answers.contents(call) for name in differences(content["TemplateBody"], wanted)
    ]
    same = text(
        "The template of the stack equals the given one, resource by resource.",
    )
    faults = fault_of(different, "Different from the given template: {names}.")
    return Judged(same, [*unanswered(evidence.answers, call), *faults])


def differences(deployed: Document, synthesised: Document) -> list[str]:
    """Return the sections of two templates that differ, and in the place of their resources, those that do."""
    resources, others = deployed.get("Resources", {}), synthesised.get("Resources", {})
    names = sorted(name for name in {*resources, *others} if resources.get(name) != others.get(name))
    sections = sorted({*deployed, *synthesised} - {"Resources"})
    return [*names, *(section for section in sections if deployed.get(section) != synthesised.get(section))]
