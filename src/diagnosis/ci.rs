//! The CI systems, by what they set: why a build has no token, and what helps.
//!
//! `catalogue/ci.txt` holds what is known of them; here it is told which one runs.
//!
//! Invariant: no I/O, and no value of a variable is kept: what tells a system is only compared.

use super::catalogue::{Line, named};
use serde_json::Value;

/// A build on a CI system, with what a missing token means there.
#[derive(Clone, Copy, Debug)]
pub struct CiBuild {
    /// The entry of the system, or of this project's action or Step, if that made the run.
    pub(super) system: &'static Line,
    /// What is known of this kind of build.
    pub(super) build: &'static Line,
}

impl CiBuild {
    /// Returns the input that takes the place of an option, if this project's action or Step made
    /// the run: `all-apps: true` for `--all-apps`.
    pub fn input(&self, option: &str) -> Option<&'static str> {
        let inputs = self.system.all("input");
        let mut inputs = inputs.filter_map(|input| input.text.split_once(' '));
        inputs.find_map(|(known, input)| (known == option).then_some(input))
    }
}

/// Returns the build that runs the program, if one does. `value` gives a variable's value, and
/// `file` the text of a file.
pub fn running(
    value: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&str) -> Option<String>,
) -> Option<CiBuild> {
    // Of `NAME` or `NAME:/pointer`, if it is not empty.
    let get = |name: &str| {
        let Some((name, pointer)) = name.split_once(':') else {
            return value(name).filter(|value| !value.is_empty());
        };
        let json: Value = serde_json::from_str(&file(&value(name)?)?).ok()?;
        match json.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    };
    let is = |name: &str, wanted: &str| {
        let found = get(name);
        found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    };
    // The part of a repository's address that is the same for SSH and HTTPS: host and path.
    let repository = |address: String| {
        let address = address.trim().trim_end_matches('/');
        let address = address.strip_suffix(".git").unwrap_or(address);
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
        address.replacen(':', "/", 1).to_ascii_lowercase()
    };
    let holds = |test: &str| {
        if let Some((one, other)) = test.split_once(" differs ") {
            let pair = get(one).zip(get(other));
            pair.is_some_and(|(one, other)| repository(one) != repository(other))
        } else if let Some((name, value)) = test.split_once("!=") {
            !is(name, value)
        } else if let Some((name, value)) = test.split_once('=') {
            is(name, value)
        } else {
            get(test).is_some() && !is(test, "false") && !is(test, "0")
        }
    };
    let is_told = |line: &Line, word| {
        let mut tests = line.all(word);
        tests.any(|test| test.text.split(" and ").all(holds))
    };
    let mut systems = named("ci").all("system").map(|name| named(&name.text));
    let system = systems.find(|system| is_told(system, "told"))?;
    let below = named(system.text("on")).all("build");
    let special = below.filter(|build| is_told(build, "when"));
    let mut all = special.chain(system.all("build"));
    let build = all.find(|build| build.text("when").is_empty() || is_told(build, "when"))?;
    Some(CiBuild { system, build })
}

#[cfg(test)]
fn file(name: &str) -> Option<String> {
    let repository = match name {
        "fork" => r#"{"fork": true}"#,
        "same" => r#"{"fork": false, "full_name": "acme/app"}"#,
        // Of a repository that is a fork itself, to one of another owner.
        "named" => r#"{"fork": null, "full_name": "Ann/app"}"#,
        _ => return None,
    };
    Some(format!(
        r#"{{"pull_request": {{"head": {{"repo": {repository}}}}}}}"#
    ))
}

/// Returns the build that some variables tell, as in `CI=true A=b`.
#[cfg(test)]
pub(super) fn at(variables: &str) -> Option<CiBuild> {
    let value = |name: &str| {
        let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(known, value)| (known == name).then(|| value.to_owned()))
    };
    running(&value, &file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tells each kind of build that `ci.txt` has.
    const PLACES: &str = "
        this project's action for GitHub | ordinary | BITRISE_DX_CALLER=action GITHUB_ACTIONS=true
        GitHub Actions | Dependabot | BITRISE_DX_CALLER=action GITHUB_ACTOR=dependabot[bot]
        GitHub Actions | fork | BITRISE_DX_CALLER=action GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=fork
        this project's Step for Bitrise | ordinary | BITRISE_DX_CALLER=step BITRISE_IO=true
        Bitrise | pull request | BITRISE_DX_CALLER=step PR=true
        Bitrise | ordinary | BITRISE_IO=true PR=false CI=true
        Bitrise | pull request | BITRISE_IO=true PR=true
        Bitrise | pull request | BITRISE_IO=true BITRISE_PULL_REQUEST=7
        Bitrise | pull request | BITRISE_IO=true BITRISEIO_PULL_REQUEST_REPOSITORY_URL=git@h:f/a.git GIT_REPOSITORY_URL=https://h/o/a
        Bitrise | ordinary | BITRISE_IO=true BITRISEIO_PULL_REQUEST_REPOSITORY_URL=git@h:f/a.git GIT_REPOSITORY_URL=https://u:p@h/F/a/
        GitHub Actions | ordinary | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=push CI=1
        GitHub Actions | ordinary | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request_target GITHUB_EVENT_PATH=fork
        GitHub Actions | ordinary | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=same
        GitHub Actions | ordinary | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=push GITHUB_EVENT_PATH=fork
        GitHub Actions | fork | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=fork
        GitHub Actions | fork | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=named GITHUB_REPOSITORY=acme/app
        GitHub Actions | pull request | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=none
        GitHub Actions | pull request | GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request
        GitHub Actions | Dependabot | GITHUB_ACTIONS=true GITHUB_ACTOR=dependabot[bot] GITHUB_EVENT_NAME=pull_request
        GitLab CI/CD | ordinary | GITLAB_CI=true CI_COMMIT_REF_PROTECTED=true
        GitLab CI/CD | unprotected branch | GITLAB_CI=true CI_COMMIT_REF_PROTECTED=false
        GitLab CI/CD | ordinary | GITLAB_CI=true CI_MERGE_REQUEST_SOURCE_PROJECT_ID=5 CI_PROJECT_ID=5
        GitLab CI/CD | fork | GITLAB_CI=true CI_MERGE_REQUEST_SOURCE_PROJECT_ID=5 CI_MERGE_REQUEST_PROJECT_ID=4 CI_PROJECT_ID=5
        Azure Pipelines | ordinary | TF_BUILD=True BUILD_REASON=PullRequest
        Azure Pipelines | fork | TF_BUILD=True SYSTEM_PULLREQUEST_ISFORK=True
        CircleCI | ordinary | CIRCLECI=true CIRCLE_PULL_REQUEST=https://h/9
        CircleCI | fork | CIRCLECI=true CIRCLE_PR_NUMBER=9 CIRCLE_PR_REPONAME=app
        Jenkins | ordinary | JENKINS_URL=https://h/ CHANGE_ID=9
        Jenkins | fork | JENKINS_URL=https://h/ CHANGE_FORK=someone
        Travis CI | ordinary | TRAVIS=true TRAVIS_SECURE_ENV_VARS=true
        Travis CI | without secrets | TRAVIS=true TRAVIS_SECURE_ENV_VARS=false
        Travis CI | fork | TRAVIS=true TRAVIS_PULL_REQUEST_SLUG=f/a TRAVIS_REPO_SLUG=o/a TRAVIS_SECURE_ENV_VARS=false
        Buildkite | ordinary | BUILDKITE=true BUILDKITE_PULL_REQUEST_REPO=git://h/o/a.git BUILDKITE_REPO=git@h:o/a.git
        Buildkite | fork | BUILDKITE=true BUILDKITE_PULL_REQUEST_REPO=git://h/f/a.git BUILDKITE_REPO=git@h:o/a.git
        TeamCity | ordinary | TEAMCITY_VERSION=2025.1
        Bamboo | ordinary | bamboo_planKey=X-Y
        Codemagic | ordinary | CM_BUILD_ID=x CI=true
        Xcode Cloud | ordinary | CI_XCODEBUILD_ACTION=build CI=TRUE
        Xcode Cloud | ordinary | CI_XCODE_CLOUD=TRUE
        Bitbucket Pipelines | ordinary | BITBUCKET_BUILD_NUMBER=9
        AppVeyor | ordinary | APPVEYOR=True
        AppVeyor | pull request | APPVEYOR=True APPVEYOR_PULL_REQUEST_NUMBER=9
        Drone | ordinary | DRONE=true DRONE_BUILD_EVENT=push
        Drone | pull request | DRONE=true DRONE_BUILD_EVENT=pull_request
        Woodpecker | ordinary | CI=woodpecker
        Woodpecker | pull request | CI=woodpecker CI_PIPELINE_EVENT=pull_request
        Cirrus CI | ordinary | CIRRUS_CI=true CIRRUS_USER_COLLABORATOR=true
        Cirrus CI | pull request | CIRRUS_CI=true CIRRUS_USER_COLLABORATOR=false
        Semaphore | ordinary | SEMAPHORE=true
        Semaphore | fork | SEMAPHORE=true SEMAPHORE_GIT_PR_SLUG=f/a SEMAPHORE_GIT_REPO_SLUG=o/a
        AWS CodeBuild | ordinary | CODEBUILD_BUILD_ID=x
        a CI system | ordinary | CI=true";

    /// Returns system, kind and variables of each of them.
    fn places() -> impl Iterator<Item = [&'static str; 3]> {
        let lines = PLACES.trim().lines();
        lines.map(|line| {
            let cells: Vec<_> = line.split(" | ").map(str::trim).collect();
            cells.try_into().unwrap()
        })
    }

    #[test]
    fn each_build_is_told_by_what_its_system_sets() {
        for [name, kind, variables] in places() {
            let found = at(variables).unwrap();
            let system = named(name);
            let is_found = |build: &Line| std::ptr::eq(build, found.build);
            assert!(system.all("build").any(is_found), "{name}: {variables}");
            assert_eq!(found.build.text, kind, "{variables}");
        }
        for variables in ["", "CI=", "CI=false", "CI=0", "PR=true CHANGE_FORK=x"] {
            assert!(at(variables).is_none(), "{variables}");
        }
    }

    #[test]
    fn each_entry_is_whole_has_its_page_and_is_tried() {
        assert!(named("ci").all("system").count() >= 20);
        for name in named("ci").all("system").map(|line| &*line.text) {
            let system = named(name);
            let page = system.text("page");
            assert!(
                page.starts_with("https://") && url::Url::parse(page).is_ok(),
                "{page}"
            );
            assert!(!system.text("told").is_empty(), "{name}");
            let mut kinds = Vec::new();
            for build in system.all("build") {
                let kind = &*build.text;
                let is_tried = places().any(|place| place[..2] == [name, kind]);
                assert!(is_tried, "{name}, {kind}");
                let (cause, action) = (build.text("cause"), build.text("do"));
                assert!(
                    cause.ends_with('.') && action.ends_with(['.', '`']),
                    "{name}, {kind}"
                );
                let is_any = build.text("when").is_empty();
                assert_eq!(is_any, kind == "ordinary", "{name}, {kind}");
                assert!(!kinds.contains(&kind), "{name}, {kind}");
                kinds.push(kind);
            }
            assert_eq!(kinds.last(), Some(&"ordinary"), "{name}");
        }
        let last = named("ci").all("system").last();
        assert_eq!(last.unwrap().text, "a CI system");
    }

    #[test]
    fn options_have_inputs_in_the_action_and_the_step() {
        let action = at("BITRISE_DX_CALLER=action GITHUB_ACTOR=dependabot[bot]").unwrap();
        assert_eq!(action.input("--all-apps"), Some("all-apps: true"));
        let step = at("BITRISE_DX_CALLER=step").unwrap();
        assert_eq!(step.input("--all-apps"), Some("all_apps: \"yes\""));
        assert_eq!(step.input("--token-file"), None);
        assert!(action.input("--base-url").is_some() && step.input("--base-url").is_some());
        assert_eq!(at("GITHUB_ACTIONS=true").unwrap().input("--all-apps"), None);
        assert!(at("CI=true").unwrap().input("--base-url").is_none());
    }
}
