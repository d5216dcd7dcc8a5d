"""The profiles of the services that come with Kolla."""

from kolla.catalogue import loader


def test_what_a_new_cloud_runs_is_in_the_profile_quickstart() -> None:
    catalogue = loader.load()
    enabled = [folder.service for folder in catalogue.folders.values() if folder.service.enabled]
    jobs = [
        job
        for service in enabled
        for job in (
            *service.jobs.values(),
            *(check.job for check in service.checks.values()),
            *(verb.job for verb in service.verbs.values()),
            *(provision.job for provision in service.provides.values() if provision.job),
        )
    ]
    images = {c.image or name for service in enabled for name, c in service.containers.items()}
    images |= {job.image for job in jobs if job.image}
    assert images
    for image in images:
        folder, _ = catalogue.image(image)
        assert "quickstart" in folder.service.profiles, image


def test_services_without_images_are_in_no_profile() -> None:
    for folder in loader.load().folders.values():
        published = [image for image in folder.service.images.values() if image.published]
        assert published or not folder.service.profiles, folder.name
